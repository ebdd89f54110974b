package scaffold

import "encoding/binary"

// Command is a WebAssembly command (WASI preview 1) of about 150 bytes that
// writes text to its standard output and ends. It runs in any host that runs
// commands, and lets a starter pack and run before a compiler is at hand.
//
// Source: WebAssembly core specification 2.0 §5, WASI preview 1 fd_write.
func Command(text string) []byte {
	const iovec, written, data = 0, 8, 16
	memory := binary.LittleEndian.AppendUint32(nil, data)
	memory = binary.LittleEndian.AppendUint32(memory, uint32(len(text)))
	memory = append(memory, make([]byte, data-len(memory))...)
	memory = append(memory, text...)

	const i32, function = 0x7f, 0x60
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, items ...[]byte) {
		body := uleb(len(items))
		for _, item := range items {
			body = append(body, item...)
		}
		out = append(append(append(out, id), uleb(len(body))...), body...)
	}
	section(1, []byte{function, 4, i32, i32, i32, i32, 1, i32}, []byte{function, 0, 0})
	section(2, join(word("wasi_snapshot_preview1"), word("fd_write"), []byte{0x00, 0}))
	section(3, []byte{1})
	section(5, join([]byte{0}, uleb(len(memory)/65536+1)))
	section(7, join(word("memory"), []byte{0x02, 0}), join(word("_start"), []byte{0x00, 1}))
	const constant, call, drop, end = 0x41, 0x10, 0x1a, 0x0b
	code := []byte{0, constant, 1, constant, iovec, constant, 1, constant, written, call, 0, drop, end}
	section(10, join(uleb(len(code)), code))
	section(11, join([]byte{0, constant, 0, end}, uleb(len(memory)), memory))
	return out
}

func word(s string) []byte { return append(uleb(len(s)), s...) }

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// uleb is n as unsigned LEB128.
func uleb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }
