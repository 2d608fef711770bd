// Package inquiry answers the questions of people who look for a token's readers,
// a reader's tokens, or what went on: it takes events one by one and keeps bounded
// counts of them, so that its memory doesn't grow with the log.
package inquiry
