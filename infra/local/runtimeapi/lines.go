//go:build unix

package runtimeapi

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"os"
)

// maxLine is the size of a log event in CloudWatch, in bytes. A longer line becomes several.
const maxLine = 256 << 10

// lines cuts what a process prints into lines, all along, so that the process never waits. Empty ones are left out,
// as in CloudWatch.
type lines struct {
	file  *os.File      // for the process to print to
	mark  string        // a line that flush prints; the reader finds by it how far it is
	drain chan struct{} // receives when the mark was read
	done  chan struct{} // closed when everything was read
}

func newLines(emit func(string)) (*lines, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	l := &lines{file: w, mark: rand.Text(), drain: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		defer r.Close()
		l.read(bufio.NewReaderSize(r, maxLine), emit)
	}()
	return l, nil
}

func (l *lines) read(r *bufio.Reader, emit func(string)) {
	for {
		line, err := r.ReadSlice('\n')
		switch line = bytes.TrimSuffix(line, []byte("\n")); {
		case string(line) == l.mark:
			l.drain <- struct{}{}
		case len(line) > 0:
			emit(string(line))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// flush waits until all that was printed before has been emitted.
func (l *lines) flush() {
	if _, err := l.file.WriteString("\n" + l.mark + "\n"); err == nil {
		<-l.drain
	}
}

// close ends the reading, once every process that prints is gone, and waits until all has been emitted.
func (l *lines) close() {
	_ = l.file.Close()
	<-l.done
}
