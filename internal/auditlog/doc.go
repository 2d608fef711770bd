// Package auditlog turns the lines of Vault's audit log that concern the iTwin
// engine into events: who was handed which token, through which role, from where.
//
// It reads a line at a time and keeps none, so its memory doesn't grow with the log.
// What a person makes of the events is package inquiry's, how it looks package
// render's. It never asks Vault anything.
package auditlog
