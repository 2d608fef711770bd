// Package supply tests what docs/security.md says of how the plugin is made and of which test keeps which promise.
package supply
