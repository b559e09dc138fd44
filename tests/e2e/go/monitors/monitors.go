//go:build tools

// Package monitors names the programs of others that read our logs in the tests, so that go.mod keeps their build list.
package monitors

import (
	_ "github.com/google/certificate-transparency-go/client/ctclient"
	_ "github.com/transparency-dev/tessera/cmd/fsck"
)
