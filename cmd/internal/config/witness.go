package config

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/oarlock/oarlock/artifact/outbound"
	"github.com/oarlock/oarlock/index/publog"
)

// LogWitness is who cosigns the checkpoints of the publication log (C2SP tlog-witness).
type LogWitness struct {
	Name string `koanf:"name" json:"name"` // that of Key; empty takes it from there
	Key  string `koanf:"key" json:"key"`   // NAME+HASH+KEY
	URL  string `koanf:"url" json:"url"`   // add-checkpoint is below it
}

// PublogWitnesses are those of log.witnesses, each with a guarded client. Its own host may
// be anywhere, since the operator wrote it. Errors name the witness.
func (c *Config) PublogWitnesses() ([]publog.Witness, error) {
	reach, err := c.Outbound.Options()
	if err != nil {
		return nil, nil // said under its own key
	}
	var out []publog.Witness
	var keys []string
	for n, w := range c.Log.Witnesses {
		by, err := publog.NewCosigner(w.Key)
		if err != nil {
			return nil, fmt.Errorf("[%d].key: %w", n, err)
		}
		if w.Name != "" && w.Name != by.Name() {
			return nil, fmt.Errorf("[%d].name: %q, and the key is that of %q", n, w.Name, by.Name())
		}
		u, err := url.Parse(w.URL)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, fmt.Errorf("[%d].url: %q: expected a URL such as https://witness.example.org/prefix", n, w.URL)
		}
		to := reach
		to.Hosts = append(slices.Clone(reach.Hosts), u.Hostname())
		out = append(out, publog.Witness{Key: w.Key, URL: w.URL, Client: outbound.New(to)})
		keys = append(keys, w.Key)
	}
	_, err = publog.NewQuorum(keys, 0)
	return out, err
}

func (c *Config) validateWitnesses(problem problemFunc) {
	if _, err := c.PublogWitnesses(); err != nil {
		problem("log.witnesses", "%s", err)
	}
}
