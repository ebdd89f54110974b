// Package jobs does what has to be done after a change was committed: append a
// statement, call a webhook, send a letter.
//
// A job is one row, written in the transaction of the change that asks for it,
// so there is never a change without its job nor a job without its change. A
// Queue keeps the rows; a Runner leases them, runs them, and tries again later
// what failed. A job is done at least once: whoever dies while it runs loses the
// lease, and the next who has it sees the same ID. What a job does must
// therefore bear being done twice.
//
// Jobs of one key run one at a time, so a slow receiver occupies one worker and
// delays no other receiver.
package jobs
