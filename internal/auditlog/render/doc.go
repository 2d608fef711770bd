// Package render writes an answer as a table, JSON, CSV or an HTML page. Callers choose some of
// what an audit log holds, so each format neutralizes it: control characters for terminals,
// formulas for spreadsheets, markup for browsers.
package render
