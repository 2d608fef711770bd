// Package auditlog turns the lines of Vault's audit log that concern the iTwin
// engine into events: who was handed which token, through which role, from where.
//
// It reads line by line, long lines in pieces, and keeps none of them, so its memory grows
// neither with the log nor with a line. Package inquiry answers questions about the events,
// and package render displays the answers. It never calls Vault.
package auditlog
