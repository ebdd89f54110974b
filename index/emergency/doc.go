// Package emergency stops versions of plugins, on the word of two people.
//
//	requested ─┐ taken up by an admin
//	           ▼
//	       proposed ──── a second person ───▶ confirmed ── stated ──▶ in_force
//	        │     │                                                     │ two people
//	        │     └─ its time is over ─▶ lapsed                         ▼
//	        └─ taken back ─▶ withdrawn                                undone
//
// A proposal keeps what it names from being pulled here, for a day at the most. When it
// is confirmed it is a statement in the plugin's ledger, which goes where the ledger
// goes. The rows say what was decided; what follows from it (a block, a statement, the
// end of a block) is done by a job that was written with the decision, and may be done
// twice. So whoever dies between two steps has decided or has not, and until all is done
// nothing can be pulled.
//
//	record.go            an emergency as it is kept
//	service.go, ask.go   what people do, and what they are told
//	speak.go             one person's word, and why it does not count
//	carry.go             what follows from a state
//	voices.go            who counts as a person, and for whom beside whom
package emergency
