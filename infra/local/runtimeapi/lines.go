//go:build unix

package runtimeapi

import (
	"bytes"
	"os"
	"sync"
	"syscall"
)

// maxLine is the size of a log event in CloudWatch, in bytes. A longer line becomes several.
const maxLine = 256 << 10

// lines cuts what a process prints into lines. It reads all along, so that the process never waits, and on demand,
// so that what was printed before a certain moment can be known to be there.
type lines struct {
	pipe *os.File
	raw  syscall.RawConn
	emit func(string)
	done chan struct{} // closed when the other end is closed and everything is read

	mu      sync.Mutex
	partial []byte
	buffer  [32 << 10]byte
}

// newLines gives the lines and the file for the process to print to.
func newLines(emit func(string)) (*lines, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	raw, err := r.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	l := &lines{pipe: r, raw: raw, emit: emit, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		_ = l.raw.Read(l.read) // ends at the end of the pipe, or when close is called
	}()
	return l, w, nil
}

// drain reads everything that is in the pipe now.
func (l *lines) drain() {
	_ = l.raw.Control(func(fd uintptr) { l.read(fd) }) // a closed pipe is empty
}

// close ends the reading; what was printed without a line end counts as a line.
func (l *lines) close() {
	l.drain()
	_ = l.pipe.Close()
	<-l.done
	if len(l.partial) > 0 {
		l.emit(string(l.partial))
		l.partial = nil
	}
}

// read takes what is there without waiting, and says whether the other end is closed.
func (l *lines) read(fd uintptr) (closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		n, err := syscall.Read(int(fd), l.buffer[:])
		switch {
		case n > 0:
			l.cut(l.buffer[:n])
		case err == syscall.EINTR:
		default:
			return err != syscall.EAGAIN
		}
	}
}

func (l *lines) cut(text []byte) {
	l.partial = append(l.partial, text...)
	for {
		end := bytes.IndexByte(l.partial, '\n')
		switch {
		case end >= 0 && end <= maxLine:
			l.emit(string(l.partial[:end]))
			l.partial = l.partial[end+1:]
		case len(l.partial) > maxLine:
			l.emit(string(l.partial[:maxLine]))
			l.partial = l.partial[maxLine:]
		default:
			return
		}
	}
}
