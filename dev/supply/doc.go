// Package supply tests what docs/security.md says of how the plugin is made and of which test keeps which promise, and
// what docs/compatibility.md says of what it was run with. It also tests the scripts and workflows that make it.
package supply
