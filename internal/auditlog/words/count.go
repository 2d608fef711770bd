// Package words formats counts for the output of itwin-audit.
package words

import "fmt"

// Count returns a number and what it counts, such as "1 line" or "2 lines". The plural of one
// must be formed by adding an s.
func Count[N int | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
