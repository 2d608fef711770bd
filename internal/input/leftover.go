package input

import "regexp"

var (
	// missing matches what programs write in the place of a value that they don't have.
	missing = regexp.MustCompile(`^(null|NULL|nil|undefined|None|NaN|<nil>|<null>|<no value>|<undefined>|\[object Object\])$`)

	// unfilled matches variables of shells, of Windows and of CI systems, and the
	// actions of templates.
	unfilled = regexp.MustCompile(`\$\{|\{\{|\$\(|^\$\w+$|^%\w+%$`)
)

// Leftover returns, as a clause that begins with what the text does, how it shows that
// a program was to put a value there and didn't; "" if it doesn't. It is asked about
// texts that people choose, such as names and URLs, which have no reason to look so.
func Leftover(text string) string {
	switch {
	case missing.MatchString(text):
		return "looks like a placeholder for a missing value: check the program that should have set it"
	case unfilled.MatchString(text):
		return "contains a variable or template that wasn't filled in"
	}
	return ""
}
