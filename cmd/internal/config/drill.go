package config

import (
	"encoding/json"
	"fmt"
	"time"
)

// mostOffset is how far the clock of a drill can be shifted.
const mostOffset = 10 * 365 * 24 * time.Hour

// Drill is for trying out what takes days: that tokens end, that garbage goes,
// that the signed catalog is signed anew.
type Drill struct {
	// ClockOffset is how far the clock of the server is ahead of the machine's.
	// What is written by it is dated so, and stays so.
	ClockOffset time.Duration `koanf:"clock_offset" json:"clock_offset"`
	// Copy says that data, storage and db are a copy, made for a drill.
	Copy bool `koanf:"copy" json:"copy"`
}

// MarshalJSON writes the offset as text, such as "48h0m0s".
func (d Drill) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"clock_offset": d.ClockOffset.String(), "copy": d.Copy})
}

func (c *Config) validateDrill(problem problemFunc) {
	d := c.Drill
	switch {
	case d.ClockOffset == 0:
	case d.ClockOffset.Abs() > mostOffset:
		problem("drill.clock_offset", "%s: expected at most %s either way", d.ClockOffset, mostOffset)
	case !c.Footing().AnyoneIsAdmin && !d.Copy:
		problem("drill.clock_offset", "%s: a shifted clock ends tokens, removes what it takes for old, and dates for good what is written meanwhile: use it with --dev; "+
			"or over a copy of the site (oarlock restore-backup), which drill.copy: true says that this is", d.ClockOffset)
	}
}

func (c *Config) drillWarnings() []string {
	if c.Drill.ClockOffset == 0 {
		return nil
	}
	return []string{fmt.Sprintf("a drill: the clock of this server is shifted by %s", c.Drill.ClockOffset)}
}
