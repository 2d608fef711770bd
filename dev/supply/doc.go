// Package supply tests what docs/security.md says of how the plugin is made and of which test keeps which promise, and
// what docs/compatibility.md says of what it was run with. It also tests the workflows that make and check it elsewhere.
package supply
