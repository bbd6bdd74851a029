// Command peers measures Go's maps for hotcache's benchmarks.
//
// The harness (benches/src/go) starts it, keeps it running, and tells it over its input what to do: a line of JSON
// for each request, with the text of keys right behind it where the line announces any. Each is answered by a line
// of JSON on its output. The process ends when its input does.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
)

// request is one line of the input; exactly one of its fields is there.
type request struct {
	Keys    *keysRequest    `json:"keys"`
	Streams *streamsRequest `json:"streams"`
	Sample  *sampleRequest  `json:"sample"`
}

// keysRequest announces every key once, in the order of their numbers. It drops all maps.
type keysRequest struct {
	Count int `json:"count"`
	Len   int `json:"len"`
}

// streamsRequest announces the keys of each thread, in the order in which it asks for them.
type streamsRequest struct {
	Threads []streamRequest `json:"threads"`
}

type streamRequest struct {
	Count int `json:"count"`
	Chunk int `json:"chunk"`
}

// sampleRequest asks for operations to be timed.
type sampleRequest struct {
	Map    string  `json:"map"`
	Op     string  `json:"op"`
	Turn   int     `json:"turn"`
	Rounds int     `json:"rounds"`
	Maps   int     `json:"maps"`
	First  []int64 `json:"first"`
	Look   int     `json:"look"`
}

// answer is one line of the output.
type answer struct {
	Parts []part `json:"parts,omitempty"`
	Error string `json:"error,omitempty"`
}

// part is one timing, and what there is to check it by.
type part struct {
	ElapsedNs   int64     `json:"elapsed_ns"`
	Ops         int       `json:"ops"`
	Hits        int64     `json:"hits"`
	Sum         int64     `json:"sum"`
	Bytes       uint64    `json:"bytes"`
	Allocs      uint64    `json:"allocs"`
	TotalBefore int64     `json:"total_before"`
	Maps        []content `json:"maps"`
	LookedAt    [][]int64 `json:"looked_at,omitempty"`
}

// content is what a map holds.
type content struct {
	Count int   `json:"count"`
	Total int64 `json:"total"`
}

func main() {
	// Ctrl-C is for the harness, which then closes our input.
	signal.Ignore(os.Interrupt)
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	output := json.NewEncoder(os.Stdout)
	bench := newBench()
	for {
		line, err := input.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return
		}
		if err == nil {
			var parts []part
			parts, err = bench.answer(line, input)
			if err == nil {
				err = output.Encode(answer{Parts: parts})
			} else {
				err = output.Encode(answer{Error: err.Error()})
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "peers:", err)
			os.Exit(1)
		}
	}
}

// answer does what a line asks for.
func (b *bench) answer(line []byte, input io.Reader) ([]part, error) {
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return nil, fmt.Errorf("no request: %w", err)
	}
	switch {
	case asked.Keys != nil:
		return nil, b.setKeys(*asked.Keys, input)
	case asked.Streams != nil:
		return nil, b.setStreams(*asked.Streams, input)
	case asked.Sample != nil:
		return b.sample(*asked.Sample)
	}
	return nil, fmt.Errorf("a request for nothing: %s", line)
}
