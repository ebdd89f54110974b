package catalog

import (
	"strings"

	"github.com/oarlock/oarlock/index"
)

// untoldLedger is what the detail begins with of a reason that UntoldLedger makes. It is in
// the records of catalogs, which are signed, so that it never changes.
const untoldLedger = "whether it may still be installed: "

// UntoldLedger is the reason for which a version waits whose plugin's ledger could not be
// read; why says what kept it from that.
func UntoldLedger(why string) index.Reason {
	return index.Reason{Code: index.ReasonUnreadable, Detail: untoldLedger + why}
}

// WhyUntold is what kept the ledger from being read, of a reason that UntoldLedger made;
// false for any other.
func WhyUntold(r index.Reason) (why string, is bool) {
	if r.Code != index.ReasonUnreadable {
		return "", false
	}
	return strings.CutPrefix(r.Detail, untoldLedger)
}

// ByLedger reports whether a reason is one that the plugin's ledger gives.
func ByLedger(r index.Reason) bool {
	_, untold := WhyUntold(r)
	return untold || r.Code == index.ReasonEmergency
}
