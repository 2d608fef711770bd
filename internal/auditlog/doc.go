// Package auditlog turns the lines of Vault's audit log that concern the iTwin
// engine into events: who was handed which token, through which role, from where.
//
// It reads a line at a time, a long one in pieces, and keeps none, so its memory grows
// neither with the log nor with a line. What a person makes of the events is package
// inquiry's, how it looks package render's. It never asks Vault anything.
package auditlog
