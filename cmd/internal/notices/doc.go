// Package notices joins what tells people and machines of events to what knows
// them: the publication log, the ledgers, the accounts and the network.
package notices
