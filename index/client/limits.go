package client

import "github.com/oarlock/oarlock/artifact/pack"

// Limits bound what one pull may bring. A zero field is its default.
type Limits struct {
	// Pulled is the most bytes of layers and payloads together; 4 GiB.
	Pulled int64
	// Unpack bounds what all layers and payloads are unpacked to.
	Unpack pack.Limits
}

const defaultPulled = 4 << 30

func (l Limits) orDefaults() Limits {
	if l.Pulled <= 0 {
		l.Pulled = defaultPulled
	}
	if l.Unpack.FileBytes == 0 {
		l.Unpack.FileBytes = pack.DefaultLimits.FileBytes
	}
	return l
}
