import { cutEverywhere } from './scripted.ts'

cutEverywhere('sync')
