// Package openbao tests the plugin's binary with the code that an OpenBao server talks to plugins by: OpenBao's published
// SDK. It is a module of its own, because this SDK and Vault's describe the same protocol and can't be in one program.
//
// It stands in for what a server does with a plugin, and tests nothing of a server: no catalog, policies, audit or HA.
package openbao
