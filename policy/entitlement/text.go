package entitlement

import (
	"fmt"
	"time"
)

// day is a date as users read it.
func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

// textOf is what a user is told of an answer about a plugin.
func textOf(plugin string, a Answer) string {
	s := texts[a.Reason]
	if s == nil {
		return plugin + " does not run: whether it is licensed could not be told."
	}
	text := s(plugin, a)
	if a.Code == Granted {
		return text
	}
	if a.Trial != nil {
		text += fmt.Sprintf(" It can be tried for %d days.", a.Trial.Days)
	}
	if a.PurchaseURL != "" {
		text += " Licences: " + a.PurchaseURL
	}
	return text
}

var texts = map[Reason]func(plugin string, a Answer) string{
	ReasonNotRequired: func(p string, _ Answer) string { return p + " needs no licence." },
	ReasonLicensed: func(p string, a Answer) string {
		switch {
		case a.Type == Trial:
			return fmt.Sprintf("%s is on trial until %s.", p, day(a.Until))
		case a.Until.IsZero():
			return p + " is licensed."
		}
		return fmt.Sprintf("%s is licensed until %s.", p, day(a.Until))
	},
	ReasonLicenseGrace: func(p string, a Answer) string {
		return fmt.Sprintf("The licence of %s ended on %s. It goes on until %s; renew it before that.", p, day(a.Until), day(a.GraceUntil))
	},
	ReasonExpiredWarn: func(p string, a Answer) string {
		return fmt.Sprintf("The licence of %s ended on %s. It goes on; please renew it.", p, day(a.Until))
	},
	ReasonFallback: func(p string, a Answer) string {
		return fmt.Sprintf("The licence of %s ended on %s. This version goes on, and newer ones do not come.", p, day(a.Until))
	},
	ReasonLeaseGrace: func(p string, a Answer) string {
		return fmt.Sprintf("%s has not reached its server for a while. It goes on until %s; connect this host before that.", p, day(a.GraceUntil))
	},
	ReasonNoLicense: func(p string, _ Answer) string { return p + " does not run: there is no licence for it." },
	ReasonNotYet:    func(p string, _ Answer) string { return p + " does not run yet: its licence begins later." },
	ReasonExpired: func(p string, a Answer) string {
		return fmt.Sprintf("%s does not run: its licence ended on %s.", p, day(a.Until))
	},
	ReasonReleasedLater: func(p string, a Answer) string {
		return fmt.Sprintf("This version of %s does not run: its licence ended on %s, before the version was released.", p, day(a.Until))
	},
	ReasonLeaseExpired: func(p string, _ Answer) string {
		return p + " does not run: this host has not reached its server for too long. Connect it, and it goes on."
	},
	ReasonSeatsTaken: func(p string, _ Answer) string { return p + " does not run here: all seats of its licence are taken." },
	ReasonRevoked:    func(p string, _ Answer) string { return p + " does not run: its licence was revoked." },
	ReasonClock: func(p string, _ Answer) string {
		return p + " does not run: the clock of this host is wrong. Set it, and it goes on."
	},
	ReasonReleaseUnknown: func(p string, a Answer) string {
		return fmt.Sprintf("%s does not run: its licence ended on %s, and when this version was released could not be told.", p, day(a.Until))
	},
	ReasonUserNeeded: func(p string, _ Answer) string {
		return p + " does not run: its seats are by user, and no user was named."
	},
}
