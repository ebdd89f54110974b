package pack

// Limits bound what a directory holds once it is unpacked to, whatever number
// of layers it came from. A zero field takes its value from
// DefaultLimits.
type Limits struct {
	Bytes     int64 // all files together
	FileBytes int64 // one file
	Entries   int   // files, directories and links
	Path      int   // bytes of one name
	Depth     int   // directories above one file, itself included
	Ratio     int64 // unpacked bytes for each compressed one, once past RatioFree
	RatioFree int64 // unpacked bytes before Ratio counts
}

// DefaultLimits are generous for a plugin and small for a machine.
var DefaultLimits = Limits{
	Bytes:     4 << 30,
	FileBytes: 2 << 30,
	Entries:   65536,
	Path:      1024,
	Depth:     48,
	Ratio:     200,
	RatioFree: 8 << 20,
}

func (l Limits) withDefaults() Limits {
	pick64(&l.Bytes, DefaultLimits.Bytes)
	pick64(&l.FileBytes, DefaultLimits.FileBytes)
	pick64(&l.Ratio, DefaultLimits.Ratio)
	pick64(&l.RatioFree, DefaultLimits.RatioFree)
	pickInt(&l.Entries, DefaultLimits.Entries)
	pickInt(&l.Path, DefaultLimits.Path)
	pickInt(&l.Depth, DefaultLimits.Depth)
	return l
}

func pick64(to *int64, from int64) {
	if *to == 0 {
		*to = from
	}
}

func pickInt(to *int, from int) {
	if *to == 0 {
		*to = from
	}
}
