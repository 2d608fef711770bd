package auditlog

import (
	"bytes"
	"slices"
	"strings"
)

// PluginName is the name that the engine is registered under, which is the type of its
// mounts in the log.
const PluginName = "vault-plugin-secrets-itwin"

// Mounts recognizes the entries of the engine's mounts.
type Mounts struct {
	named   []string
	needles [][]byte
}

// NewMounts recognizes the mounts of type PluginName, and the named ones of any type,
// because the engine may be registered under another name. Names are as MountPath returns
// them.
func NewMounts(named ...string) Mounts {
	m := Mounts{named: named, needles: [][]byte{[]byte("wrapping"), []byte(PluginName)}}
	for _, mount := range named {
		m.needles = append(m.needles, needle(mount))
	}
	return m
}

// MountPath returns a mount's path as in events, with a trailing slash. The name includes
// the namespace, as in "team-a/itwin", and may have a trailing slash.
func MountPath(name string) string { return strings.Trim(name, "/") + "/" }

// needle returns the last part of a mount's path, up to a character that JSON can write in several ways.
func needle(mount string) []byte {
	parts := strings.Split(strings.TrimSuffix(mount, "/"), "/")
	last := parts[len(parts)-1]
	if end := strings.IndexFunc(last, func(r rune) bool { return r >= 0x7f || strings.ContainsRune(`<>&"\`, r) }); end >= 0 {
		last = last[:end]
	}
	return []byte(last)
}

// mayConcern returns false only for lines that can't hold an event, which are most of a
// log. It doesn't decode them.
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

// locate splits a request's path into its mount, with the namespace, and the rest. Vault
// before 1.14 logs no mount point, so a mount is recognized there only by name.
func (m Mounts) locate(r *entryRequest) (mount, path string, ok bool) {
	whole := r.Namespace.Path + strings.TrimPrefix(r.Path, r.Namespace.Path)
	point := ""
	if r.MountPoint != "" {
		point = r.Namespace.Path + strings.TrimPrefix(r.MountPoint, r.Namespace.Path)
	}
	if point != "" && (r.MountType == PluginName || slices.Contains(m.named, point)) {
		return point, strings.TrimPrefix(whole, point), true
	}
	for _, name := range m.named {
		if rest, found := strings.CutPrefix(whole, name); found && point == "" {
			return name, rest, true
		}
	}
	return "", "", false
}
