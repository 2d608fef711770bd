package inquiry

import "vault-plugin-secrets-itwin/internal/auditlog"

// failures counts failed requests by cause, regardless of the reader: an outage is one row.
type failures struct {
	*rows

	readers map[failing]bool
}

type failing struct {
	row    *Row
	reader identity
}

func newFailures() failures {
	return failures{newRows(maxRows), make(map[failing]bool)}
}

func (f failures) add(e auditlog.Event) {
	whole := Subject{
		Mount: e.Mount, Reader: e.Reader.Name, Entity: e.Reader.Entity, Address: e.Address, Operation: e.Operation, Path: e.Path,
		Detail: e.Detail,
	}
	key := Subject{Mount: e.Mount, Detail: e.Detail}
	if e.Detail == "" { // the log hides it
		key = whole
	}
	row := f.rows.add(key, e)
	if row == nil {
		return
	}
	if row.Count == 1 {
		row.Subject = whole
	}
	row.keepCommon(whole)
	if one := (failing{row, identify(e.Reader)}); !f.readers[one] && len(f.readers) < maxReaders {
		f.readers[one] = true
		row.Readers++
	}
}

// keepCommon empties the fields in which a row's events differ.
func (s *Subject) keepCommon(other Subject) {
	for _, field := range [][2]*string{
		{&s.Reader, &other.Reader},
		{&s.Entity, &other.Entity},
		{&s.Address, &other.Address},
		{&s.Operation, &other.Operation},
		{&s.Path, &other.Path},
	} {
		if *field[0] != *field[1] {
			*field[0] = ""
		}
	}
}
