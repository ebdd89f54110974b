package index

import (
	"fmt"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// ParseMinimumAge reads a minimum age: a duration such as 72h, or days such as 7d. Errors
// wrap artifact.ErrInvalid.
func ParseMinimumAge(text string) (time.Duration, error) {
	unit, number := "", text
	if days, ok := strings.CutSuffix(text, "d"); ok {
		number, unit = days+"h", "d"
	}
	d, err := time.ParseDuration(number)
	if err == nil && unit == "d" && d <= MaxMinimumAge {
		d *= 24
	}
	if err != nil || d < 0 || d > MaxMinimumAge {
		return 0, fmt.Errorf("minimum age %.40q: expected hours or days up to ten years, such as 72h or 7d: %w", text, artifact.ErrInvalid)
	}
	return d, nil
}

// MaxMinimumAge is the most that may be asked for.
const MaxMinimumAge = 10 * 365 * 24 * time.Hour
