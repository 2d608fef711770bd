package auditlog

import (
	"bytes"
	"strings"
)

// PluginName is the name under which the engine is registered, and so the type of
// its mounts in the log.
const PluginName = "vault-plugin-secrets-itwin"

// Mounts tells the entries of the engine's mounts from others.
type Mounts struct {
	named   []string
	needles [][]byte
}

// NewMounts finds mounts by their type, PluginName, or, where names are given, those
// mounts alone: paths with their namespace, as in "team-a/itwin".
func NewMounts(names ...string) Mounts {
	m := Mounts{needles: [][]byte{[]byte("wrapping")}}
	for _, name := range names {
		name = strings.Trim(name, "/") + "/"
		m.named = append(m.named, name)
		m.needles = append(m.needles, needle(name))
	}
	if len(names) == 0 {
		m.needles = append(m.needles, []byte(PluginName))
	}
	return m
}

// needle is the last part of a mount's path, up to what JSON may write in several ways.
func needle(name string) []byte {
	parts := strings.Split(strings.TrimSuffix(name, "/"), "/")
	last := parts[len(parts)-1]
	if end := strings.IndexFunc(last, func(r rune) bool { return r >= 0x7f || strings.ContainsRune(`<>&"\`, r) }); end >= 0 {
		last = last[:end]
	}
	return []byte(last)
}

// mayConcern is false only for lines that can't hold an event: most of a log, told
// without decoding.
func (m Mounts) mayConcern(line []byte) bool {
	if !bytes.Contains(line, []byte(`"response"`)) {
		return false
	}
	for _, n := range m.needles {
		if bytes.Contains(line, n) {
			return true
		}
	}
	return false
}

// locate splits a request's path into its mount, with the namespace, and the rest.
func (m Mounts) locate(r *entryRequest) (mount, path string, ok bool) {
	whole := strings.TrimPrefix(r.Path, r.Namespace.Path)
	point := strings.TrimPrefix(r.MountPoint, r.Namespace.Path)
	if len(m.named) == 0 {
		return r.Namespace.Path + point, strings.TrimPrefix(whole, point), r.MountType == PluginName
	}
	for _, name := range m.named {
		if rest, found := strings.CutPrefix(r.Namespace.Path+whole, name); found {
			return name, rest, true
		}
	}
	return "", "", false
}
