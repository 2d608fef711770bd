// Package inquiry answers questions about an audit log: who received a token, which tokens a
// reader received, and what happened. It takes events one by one and keeps bounded counts of
// them, so its memory doesn't grow with the log.
package inquiry
