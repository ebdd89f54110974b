package publog

// Changes is what is closed at the next change.
func (l *Log) Changes() <-chan struct{} { return l.changes() }
