package config

// A Footing is how a server stands to those who come. The switch dev is asked
// here and nowhere else: the others ask for what follows from it.
type Footing struct {
	// AnyoneIsAdmin says that whoever comes is the principal admin:dev, who may do
	// everything: nobody logs in, no first token is made, and the database is one
	// for trying out.
	AnyoneIsAdmin bool
	// OwnMachine says that the server listens on this machine alone, answers to
	// its names only, and no request through a page of another site; and that no
	// balancer waits for it.
	OwnMachine bool
	// ListsDenied says that the catalog lists what the trust policy denies.
	ListsDenied bool
}

// Footing is what follows from the switch dev.
func (c *Config) Footing() Footing {
	return Footing{AnyoneIsAdmin: c.Dev, OwnMachine: c.Dev, ListsDenied: c.Dev}
}
