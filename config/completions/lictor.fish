# Completion of lictor's command line in fish.

complete -c lictor -f
complete -c lictor -s h -l help -d 'Show help'
complete -c lictor -s c -l config -r -F -d 'Settings file'

complete -c lictor -n __fish_use_subcommand -a run -d 'Attend the agent'
complete -c lictor -n __fish_use_subcommand -a check -d 'Check settings, host and the settings of the agent'
complete -c lictor -n __fish_use_subcommand -a render -d 'Print the configuration that the agent would get'
complete -c lictor -n __fish_use_subcommand -a status -d 'Show how the running node is'
complete -c lictor -n __fish_use_subcommand -a doctor -d 'Look for what is wrong with this node and its cluster'
complete -c lictor -n __fish_use_subcommand -a timeline -d 'Show where the time of the last start and stop went'
complete -c lictor -n __fish_use_subcommand -a health -d 'Exit 0 if healthy, else 1'
complete -c lictor -n __fish_use_subcommand -a wait -d 'Wait until the running node has got somewhere'
complete -c lictor -n __fish_use_subcommand -a reload -d 'Have the settings read again'
complete -c lictor -n __fish_use_subcommand -a restart -d 'Restart the agent in place, without leaving'
complete -c lictor -n __fish_use_subcommand -a leave -d 'Have the node leave and lictor end'
complete -c lictor -n __fish_use_subcommand -a env -d 'Print CONSUL_HTTP_ADDR for other programs'
complete -c lictor -n __fish_use_subcommand -a version -d 'Print the version'

complete -c lictor -n '__fish_seen_subcommand_from render' -l explain -d 'Where each value comes from'
complete -c lictor -n '__fish_seen_subcommand_from status doctor timeline' -l json -d 'As JSON'
complete -c lictor -n '__fish_seen_subcommand_from timeline' -l svg -r -F -d 'Draw it into this file'
complete -c lictor -n '__fish_seen_subcommand_from health' -l live -d 'lictor is alive'
complete -c lictor -n '__fish_seen_subcommand_from health' -l ready -d 'The node is ready'
complete -c lictor -n '__fish_seen_subcommand_from wait' -l for -x -a 'ready registered gone' -d 'What to wait for'
complete -c lictor -n '__fish_seen_subcommand_from wait reload restart leave' -l timeout -x -d 'Longest wait, as in 90s'
