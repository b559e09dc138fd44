//go:build tools

// Package litewitness names the third-party witness that the tests run, so that go.mod keeps its build list.
package litewitness

import _ "filippo.io/torchwood/cmd/litewitness"
