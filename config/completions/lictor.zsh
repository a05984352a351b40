#compdef lictor
# Completion of lictor's command line in zsh.

local -a general=(
  '(-h --help)'{-h,--help}'[show help]'
  '(-c --config)'{-c,--config}'[settings file]:settings file:_files'
)
local -a commands=(
  'run:attend the agent'
  'check:check settings, host and the settings of the agent'
  'render:print the configuration that the agent would get'
  'status:show how the running node is'
  'fleet:show how all nodes of the datacenter are'
  'doctor:look for what is wrong with this node and its cluster'
  'timeline:show where the time of the last start and stop went'
  'health:exit 0 if healthy, else 1'
  'wait:wait until the running node has got somewhere'
  'reload:have the settings read again'
  'restart:restart the agent in place, without leaving'
  'leave:have the node leave and lictor end'
  'maint:put the node into maintenance, or take it out'
  'env:print CONSUL_HTTP_ADDR for other programs'
  'version:print the version'
)
local -a special=()
local curcontext=$curcontext state line
_arguments -C $general '1:command:->command' '*::argument:->argument' && return

case $state in
  command) _describe command commands ;;
  argument)
    case $words[1] in
      check) special=('--consul[for this program in the place of agent.binary]:file:_files') ;;
      render) special=('--explain[where each value that the agent goes by comes from]' '--effective[all that the agent goes by, files and arguments included]') ;;
      status) special=('--json[as JSON]' '--watch[until Ctrl-C, anew with each change]') ;;
      fleet)
        special=(
          '--json[as JSON]'
          '--watch[until Ctrl-C, anew with each change]'
          '--problem[nodes that have it]:name'
          '--version[nodes with this version of lictor or Consul]:version'
          '--filter[nodes whose check meets this expression]:expression'
          '--http-addr[ask this agent]:address'
        )
        ;;
      doctor) special=('--json[as JSON]') ;;
      timeline) special=('(--svg)--json[as JSON]' '(--json)--svg[draw it]:file:_files') ;;
      health) special=('(--ready)--live[lictor is alive]' '(--live)--ready[the node is ready]') ;;
      wait)
        special=('--for[what to wait for]:state:(ready registered gone)' '--timeout[longest wait]:duration, as in 90s')
        ;;
      reload | restart | leave) special=('--timeout[longest wait]:duration, as in 90s') ;;
      maint)
        special=(
          '1:state:(on off)'
          '--reason[why, with on]:reason'
          '--timeout[longest wait]:duration, as in 90s'
        )
        ;;
    esac
    _arguments $general $special
    ;;
esac
