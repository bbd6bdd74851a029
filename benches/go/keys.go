package main

import (
	"fmt"
	"io"
)

// keys are keys of one length, one after another in one block of memory, as the harness has them.
type keys struct {
	text string
	len  int
}

func readKeys(count, length int, input io.Reader) (keys, error) {
	if count <= 0 || length <= 0 {
		return keys{}, fmt.Errorf("%d keys of %d bytes are none", count, length)
	}
	text := make([]byte, count*length)
	if _, err := io.ReadFull(input, text); err != nil {
		return keys{}, fmt.Errorf("%d keys were announced: %w", count, err)
	}
	return keys{string(text), length}, nil
}

func (k keys) count() int {
	return len(k.text) / k.len
}

// part is the keys from start to before end.
func (k keys) part(start, end int) keys {
	return keys{k.text[start*k.len : end*k.len], k.len}
}

// stream is one thread's keys, cut into chunks; after the last chunk comes the first again.
type stream struct {
	keys  keys
	chunk int
}

func (s stream) at(turn int) keys {
	chunks := max(1, s.keys.count()/s.chunk)
	start := turn % chunks * s.chunk
	return s.keys.part(start, start+s.chunk)
}
