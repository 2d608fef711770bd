// Package release makes what users download, for every platform and byte for byte the same wherever it is made:
// archives, their bills of materials, a container image, notes and the sums of them all.
//
// What the binaries are built with is the Makefile's business: this package asks `make build` for them, and then
// reads from the binaries that nothing of this machine got into them.
package release
