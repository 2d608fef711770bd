// Package bench measures the plugin against the least that any plugin costs: the floor plugin, in the same Vault, in
// rounds of the same run that take turns. A ratio of the two holds on another machine as well.
//
// Its only test fills one table, and fails if a target is missed.
//
//	make bench
package bench
