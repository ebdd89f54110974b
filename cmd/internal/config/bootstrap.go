package config

import (
	"encoding/json"
	"time"

	"github.com/oarlock/oarlock/index/auth"
)

// Bootstrap says how the first admin token of a site is handed over, and when it
// and those of `oarlock token recover` end.
type Bootstrap struct {
	// Token is one that who deploys the site has chosen, from the environment. It
	// is shown nowhere.
	Token string `koanf:"token" json:"-"`
	// TokenFile is a new file that it is written to, and printed nowhere.
	TokenFile string `koanf:"token_file" json:"token_file"`
	// Lifetime and RecoveryLifetime are until when the tokens are good; 0 is for ever.
	Lifetime         time.Duration `koanf:"lifetime" json:"lifetime"`
	RecoveryLifetime time.Duration `koanf:"recovery_lifetime" json:"recovery_lifetime"`
}

var defaultBootstrap = Bootstrap{Lifetime: 30 * 24 * time.Hour, RecoveryLifetime: 24 * time.Hour}

// MarshalJSON writes durations as text, such as "24h0m0s", and no token.
func (b Bootstrap) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"token_file": b.TokenFile, "lifetime": b.Lifetime.String(), "recovery_lifetime": b.RecoveryLifetime.String()})
}

func (c *Config) validateBootstrap(problem problemFunc) {
	b := c.Bootstrap
	if b.Lifetime < 0 || b.RecoveryLifetime < 0 {
		problem("bootstrap", "lifetime %s, recovery_lifetime %s: expected 0 for ever, or more", b.Lifetime, b.RecoveryLifetime)
	}
	if b.Token == "" {
		return
	}
	if b.TokenFile != "" {
		problem("bootstrap.token_file", "there is a bootstrap.token already, which is written nowhere: leave one of them out")
	}
	if err := auth.CheckChosen(b.Token); err != nil {
		problem("bootstrap.token", "%s: `oarlock token generate` makes one", err)
	}
}
