// Package bench measures the plugin against the least that any plugin costs: the floor plugin, in the same Vault, in
// rounds of the same run that take turns. A ratio of the two says what the machine doesn't: it holds on another one.
//
// Its benchmarks run once each (-benchtime 1x) and fill one table. Targets are shown, not asserted, as time on a shared
// machine is nobody's promise. What must hold exactly is asserted by the tests of the packages concerned.
//
//	make bench
package bench
