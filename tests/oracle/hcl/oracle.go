// What the library that Consul uses, and Go's encoding/json, make of texts.
//
// Reads from standard input, over and over: a line "FORMAT BYTES", and so many bytes. Writes a line for each: the tree, or
// "error".
//
// With arguments, files in HCL: reads and parses one after another, over and over for two seconds. Writes how many microseconds
// of the processors all of them took at best.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/hcl"
)

func writeText(out *strings.Builder, text string) {
	out.WriteByte('"')
	for i := 0; i < len(text); i++ {
		if c := text[i]; c > 0x20 && c < 0x7f && c != '"' && c != '\\' {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(out, "\\%02x", c)
		}
	}
	out.WriteByte('"')
}

func writeObject(out *strings.Builder, object map[string]interface{}) {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	out.WriteByte('{')
	for _, key := range keys {
		writeText(out, key)
		out.WriteByte(':')
		writeValue(out, object[key])
		out.WriteByte(',')
	}
	out.WriteByte('}')
}

func writeValue(out *strings.Builder, value interface{}) {
	switch v := value.(type) {
	case nil:
		out.WriteByte('n')
	case bool:
		if v {
			out.WriteByte('t')
		} else {
			out.WriteByte('f')
		}
	case int:
		fmt.Fprintf(out, "i%d", v)
	case float64:
		fmt.Fprintf(out, "r%016x", math.Float64bits(v))
	case string:
		writeText(out, v)
	case []interface{}:
		out.WriteByte('[')
		for _, element := range v {
			writeValue(out, element)
			out.WriteByte(',')
		}
		out.WriteByte(']')
	case []map[string]interface{}:
		out.WriteByte('<')
		for _, element := range v {
			writeObject(out, element)
			out.WriteByte(',')
		}
		out.WriteByte('>')
	case map[string]interface{}:
		writeObject(out, v)
	default:
		panic(reflect.TypeOf(value))
	}
}

// As agent/config decodes a file.
func read(format string, text []byte) (object map[string]interface{}, err error) {
	defer func() {
		if seen := recover(); seen != nil {
			err = fmt.Errorf("%v", seen)
		}
	}()
	if format == "json" {
		err = json.Unmarshal(text, &object)
	} else {
		err = hcl.Decode(&object, string(text))
	}
	return object, err
}

func processorTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return (usage.Utime.Nano() + usage.Stime.Nano()) / 1000
}

func timeFiles(files []string) {
	best := int64(math.MaxInt64)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		begin := processorTime()
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err == nil {
				_, err = read("hcl", text)
			}
			if err != nil {
				panic(err)
			}
		}
		if took := processorTime() - begin; took < best {
			best = took
		}
	}
	fmt.Println(best)
}

func main() {
	if len(os.Args) > 1 {
		timeFiles(os.Args[1:])
		return
	}
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		var format string
		var size int
		if _, err := fmt.Fscanf(in, "%s %d\n", &format, &size); err != nil {
			return
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(in, text); err != nil {
			panic(err)
		}
		var line strings.Builder
		if object, err := read(format, text); err != nil {
			line.WriteString("error")
		} else if object == nil {
			line.WriteByte('n')
		} else {
			writeObject(&line, object)
		}
		line.WriteByte('\n')
		out.WriteString(line.String())
	}
}
