package inquiry

import (
	"time"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

// Question takes events in any order and answers at the end.
type Question interface {
	Add(event auditlog.Event)
	// Answer takes the statistics of the logs that the events came from.
	Answer(read auditlog.Stats) Answer
}

// Answer is the answer to one question.
type Answer struct {
	Question string    `json:"question"` // readers, tokens or summary
	Subject  string    `json:"subject"`  // what was asked, in words
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	// Found is false if nothing in the log answers the question.
	Found bool `json:"found"`
	// Incomplete is true if something that could not be read or followed might answer it, too. Notes say what.
	Incomplete bool      `json:"incomplete,omitempty"`
	Sections   []Section `json:"sections"`
	Timeline   Timeline  `json:"timeline"`
	// Notes say what the log can't show, and what to type to find out.
	Notes []string `json:"notes,omitempty"`
	Log   Log      `json:"log"`
}

// Log describes what was read.
type Log struct {
	auditlog.Stats // without the mounts that weren't asked about

	Events int64     `json:"events"` // on these mounts, at any time
	First  time.Time `json:"first,omitzero"`
	Last   time.Time `json:"last,omitzero"`
	// Unreadable counts damaged entries on these mounts or on unknown ones.
	Unreadable int `json:"unreadable,omitempty"`
}

// Section is one table of an answer.
type Section struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Rows  []Row  `json:"rows"`
	// More counts the events that came after the table was full.
	More int `json:"more,omitempty"`
}

// Row counts events that have the same subject.
type Row struct {
	Subject

	Scope   string    `json:"scope,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	Count   int       `json:"count"`
	// Readers is the number of different readers in a row of failures.
	Readers int `json:"readers,omitempty"`
}

// Subject is what the events of a row have in common. A field is empty if the section
// doesn't distinguish by it. Detail is the latest error of those with the same cause.
type Subject struct {
	Kind      auditlog.Kind `json:"kind,omitempty"`
	Mount     string        `json:"mount,omitempty"`
	Role      string        `json:"role,omitempty"`
	Reader    string        `json:"reader,omitempty"`
	Entity    string        `json:"entity_id,omitempty"`
	Policies  string        `json:"policies,omitempty"`
	Address   string        `json:"address,omitempty"`
	Operation string        `json:"operation,omitempty"`
	Path      string        `json:"path,omitempty"`
	TokenID   string        `json:"token_id,omitempty"`
	Detail    string        `json:"detail,omitempty"`
}

// DefaultRole is the role of a read without a role, which returns the default app's token.
const DefaultRole = "(default)"

// UnknownRole is the role of an unwrapping whose wrapping the log doesn't show being made.
const UnknownRole = "(unknown)"

// HiddenToken is the id of a received token that the log doesn't show.
const HiddenToken = "(not shown)"

// roleOf returns the role of an event as displayed.
func roleOf(e auditlog.Event) string {
	switch {
	case e.Role != "":
		return e.Role
	case e.Mount == "":
		return UnknownRole
	}
	return DefaultRole
}
