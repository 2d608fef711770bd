// Package kubernetes follows the pages for Kubernetes with a real API server, etcd and Vault's Kubernetes auth method, and
// with External Secrets as its operator: what a user of each page gets, with addresses and intervals replaced. There is no
// kubelet, so CSI and the Agent Injector only log in. What can't be built here is played by rules that were measured.
//
// `make kubernetes` builds the programs and runs the test; the folders below this one pin them.
package kubernetes
