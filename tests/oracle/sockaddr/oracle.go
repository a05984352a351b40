// The library itself, for evaluate.cpp's templates in its form: V and the value, or R and the library's error.
package main

import (
	"bufio"
	"io"
	"os"
	"strings"

	"github.com/hashicorp/go-sockaddr/template"
)

func main() {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		text, err := in.ReadString(0)
		if err == io.EOF {
			return
		}
		value, err := template.Parse(strings.TrimSuffix(text, "\x00"))
		if err != nil {
			out.WriteString("R" + err.Error())
		} else {
			out.WriteString("V" + value)
		}
		out.WriteByte(0)
	}
}
