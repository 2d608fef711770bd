// Package soak lets many readers, a faulty IMS and a restless operator at the engine for as long as SOAK_TIME says, checks
// every answer, and compares what the engine holds at the end with what it held at the beginning. No read that a token
// at hand could serve may fail or take longer than 1.5 s. `make soak` runs it.
//
// It does so twice. Within the test's process, where memory and goroutines can be counted and outlive reloads; and in a
// real Vault, where a reload ends the plugin's process, and where storage, sockets and the protocol between Vault and
// the plugin are the real ones.
package soak
