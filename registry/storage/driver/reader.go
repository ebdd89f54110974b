package driver

import (
	"context"
	"fmt"
	"io"
)

// OpenRemote opens the object at path of a driver that keeps no files: one
// question for the size, and one read from wherever the reader is.
func (d *Driver) OpenRemote(ctx context.Context, at string) (io.ReadSeekCloser, error) {
	fi, err := d.Stat(ctx, at)
	if err != nil {
		return nil, err
	}
	return &remoteReader{ctx: ctx, driver: d, path: at, size: fi.Size()}, nil
}

// A remoteReader reads an object that does not change.
type remoteReader struct {
	ctx    context.Context
	driver *Driver
	path   string
	size   int64
	at     int64
	open   io.ReadCloser // stands at at, or nil
}

func (r *remoteReader) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	if r.open == nil {
		body, err := r.driver.Reader(r.ctx, r.path, r.at)
		if err != nil {
			return 0, err
		}
		r.open = body
	}
	n, err := r.open.Read(p)
	r.at += int64(n)
	if err == io.EOF && r.at < r.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Seek moves without reading; the next Read asks again from there.
func (r *remoteReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d", offset)
	}
	if offset == r.at {
		return offset, nil
	}
	err := r.Close()
	r.at = offset
	return offset, err
}

func (r *remoteReader) Close() error {
	if r.open == nil {
		return nil
	}
	open := r.open
	r.open = nil
	return open.Close()
}
