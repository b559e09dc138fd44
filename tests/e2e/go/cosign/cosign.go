//go:build tools

// Package cosign names both cosigns that the tests run, so that one build list serves them: their hundreds
// of common packages are compiled once. The list is v3's own; v2 is built with it.
package cosign

import (
	_ "github.com/sigstore/cosign/v2/cmd/cosign"
	_ "github.com/sigstore/cosign/v3/cmd/cosign"
)
