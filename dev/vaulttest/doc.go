// Package vaulttest runs real Vault servers and clusters for tests and benchmarks: processes of their own on
// loopback ports, with their files in the test's folder. All of it ends with the test.
//
// It owns processes and what every Vault test has to set up. It knows the product as a binary to register, and nothing
// of its paths; Vault is the binary that VAULT_BIN names, or the one that scripts/vault.sh finds or builds.
//
//	server := vaulttest.StartServer(t, vaulttest.Options{})
//	root := server.Root(t)
//	plugin := vaulttest.Product(t)
//	server.Register(t, plugin)
//	vaulttest.Mount(t, root, plugin, "itwin")
//
// It needs Linux: processes are looked up in /proc.
package vaulttest
