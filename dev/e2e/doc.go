// Package e2e tests the built plugin in real Vault servers, in real time: what holds only between processes, or only
// over HTTP. Rules that a clock handed in can show are tested beside the code they are in.
package e2e
