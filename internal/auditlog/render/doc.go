// Package render writes an answer as a table, JSON, CSV or a page of HTML. What an
// audit log holds was in part chosen by whoever made the requests, so each format
// disarms it: control characters for terminals, formulas for spreadsheets, markup for
// browsers.
package render
