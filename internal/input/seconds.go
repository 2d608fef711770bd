package input

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Seconds accepts a duration in the forms that Vault accepts: a number of seconds, its
// digits, or a string such as 90s, 1h30m or 7d. It returns an int of seconds, or nil for
// an empty string. It refuses fractions of a second, which Vault would drop.
func Seconds(raw any) (any, error) {
	var text string
	switch v := raw.(type) {
	case string:
		var err error
		if text, err = (Text{}).read(v); err != nil || text == "" {
			return nil, err
		}
	case int, int64, float64, json.Number:
		text = fmt.Sprint(v)
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		d, err := parseDuration(text)
		if err != nil || d%time.Second != 0 {
			return nil, errSeconds()
		}
		seconds = int64(d / time.Second)
	}
	if seconds < 0 || seconds > math.MaxInt32 {
		return nil, errSeconds()
	}
	return int(seconds), nil
}

func parseDuration(text string) (time.Duration, error) {
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * day, err
	}
	return time.ParseDuration(text)
}

func errSeconds() error {
	return errors.New("must be a non-negative duration in whole seconds, such as 90s, 30m or 1h")
}
