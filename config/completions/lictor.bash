# Completion of lictor's command line in bash.

_lictor() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' words word
  # bash takes --for=ready apart.
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $previous == '=' ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi

  case $previous in
    -c | --config | --svg | --consul)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    --for)
      mapfile -t COMPREPLY < <(compgen -W 'ready registered gone' -- "$current")
      return
      ;;
    --timeout | --reason | --problem | --version | --filter | --http-addr)
      COMPREPLY=()
      return
      ;;
  esac

  previous=''
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $word != -* && $previous != -c && $previous != --config ]]; then
      command=$word
      break
    fi
    [[ $word == '=' ]] || previous=$word
  done
  words='-h --help -c --config'
  case $command in
    '') [[ $current == -* ]] || words='run check render status fleet doctor timeline health wait reload restart leave maint env version' ;;
    check) words+=' --consul' ;;
    render) words+=' --explain --effective' ;;
    status) words+=' --json --watch' ;;
    fleet) words+=' --json --watch --problem --version --filter --http-addr' ;;
    doctor) words+=' --json' ;;
    timeline) words+=' --json --svg' ;;
    health) words+=' --live --ready' ;;
    wait) words+=' --for --timeout' ;;
    reload | restart | leave) words+=' --timeout' ;;
    maint) [[ $current == -* ]] && words+=' --reason --timeout' || words='on off' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _lictor lictor
