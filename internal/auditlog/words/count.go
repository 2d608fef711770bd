// Package words writes counts as people say them, for all that itwin-audit prints.
package words

import "fmt"

// Count is a number and what it counts: "1 line", "2 lines". One thing's name must
// become the name of several by an s at its end.
func Count[N int | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
