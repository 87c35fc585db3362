
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "api": {
          Tables: {
            [_ in never]: never
          }
          Views: {
            "blocks": {
                  Row: {
                    "data": Json | null,"id": string,"kind": string,"masked": Json | null,"message_id": string,"position": number,"session_id": string,"text": string | null,"tool_call_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                           "data"?: Json | null,"id"?: string | null,"kind"?: string | null,"masked"?: Json | null,"message_id"?: string | null,"position"?: number | null,"session_id"?: string | null,"text"?: string | null,"tool_call_id"?: string | null
                         }
                        Update: {
                           "data"?: Json | null,"id"?: string | null,"kind"?: string | null,"masked"?: Json | null,"message_id"?: string | null,"position"?: number | null,"session_id"?: string | null,"text"?: string | null,"tool_call_id"?: string | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "blocks_session_id_fkey"
      columns: ["session_id"]
isOneToOne: false
      referencedRelation: "sessions"
      referencedColumns: ["id"]
    }
                  ]
                },"devices": {
                  Row: {
                    "created_at": string,"id": string,"name": string,"platform": string | null
                  }
                  ComputedFields: never
                  Insert: {
                           "created_at"?: string | null,"id"?: string | null,"name"?: string | null,"platform"?: string | null
                         }
                        Update: {
                           "created_at"?: string | null,"id"?: string | null,"name"?: string | null,"platform"?: string | null
                         }
                        Relationships: [
                    
                  ]
                },"messages": {
                  Row: {
                    "at": string | null,"flags": (string)[] | null,"id": string,"is_sidechain": boolean | null,"kind": string,"masked": Json | null,"model": string | null,"native_id": string | null,"position": number,"role": string,"session_id": string
                  }
                  ComputedFields: never
                  Insert: {
                           "at"?: string | null,"flags"?: (string)[] | null,"id"?: string | null,"is_sidechain"?: boolean | null,"kind"?: string | null,"masked"?: Json | null,"model"?: string | null,"native_id"?: string | null,"position"?: number | null,"role"?: string | null,"session_id"?: string | null
                         }
                        Update: {
                           "at"?: string | null,"flags"?: (string)[] | null,"id"?: string | null,"is_sidechain"?: boolean | null,"kind"?: string | null,"masked"?: Json | null,"model"?: string | null,"native_id"?: string | null,"position"?: number | null,"role"?: string | null,"session_id"?: string | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "messages_session_id_fkey"
      columns: ["session_id"]
isOneToOne: false
      referencedRelation: "sessions"
      referencedColumns: ["id"]
    }
                  ]
                },"model_calls": {
                  Row: {
                    "at": string | null,"cache_read_tokens": number | null,"cache_write_1h_tokens": number | null,"cache_write_5m_tokens": number | null,"cost_usd": number | null,"id": string,"inference_geo": string | null,"input_tokens": number | null,"message_id": string | null,"model": string | null,"native_id": string | null,"output_tokens": number | null,"owner_id": string,"price_version": string | null,"reasoning_tokens": number | null,"reported_cost_usd": number | null,"service_tier": string | null,"session_id": string,"source": string,"speed": string | null,"usage_quality": string | null,"web_searches": number | null
                  }
                  ComputedFields: never
                  Insert: {
                           "at"?: string | null,"cache_read_tokens"?: number | null,"cache_write_1h_tokens"?: number | null,"cache_write_5m_tokens"?: number | null,"cost_usd"?: number | null,"id"?: string | null,"inference_geo"?: string | null,"input_tokens"?: number | null,"message_id"?: string | null,"model"?: string | null,"native_id"?: string | null,"output_tokens"?: number | null,"owner_id"?: string | null,"price_version"?: string | null,"reasoning_tokens"?: number | null,"reported_cost_usd"?: number | null,"service_tier"?: string | null,"session_id"?: string | null,"source"?: string | null,"speed"?: string | null,"usage_quality"?: string | null,"web_searches"?: number | null
                         }
                        Update: {
                           "at"?: string | null,"cache_read_tokens"?: number | null,"cache_write_1h_tokens"?: number | null,"cache_write_5m_tokens"?: number | null,"cost_usd"?: number | null,"id"?: string | null,"inference_geo"?: string | null,"input_tokens"?: number | null,"message_id"?: string | null,"model"?: string | null,"native_id"?: string | null,"output_tokens"?: number | null,"owner_id"?: string | null,"price_version"?: string | null,"reasoning_tokens"?: number | null,"reported_cost_usd"?: number | null,"service_tier"?: string | null,"session_id"?: string | null,"source"?: string | null,"speed"?: string | null,"usage_quality"?: string | null,"web_searches"?: number | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "model_calls_session_id_fkey"
      columns: ["session_id"]
isOneToOne: false
      referencedRelation: "sessions"
      referencedColumns: ["id"]
    }
                  ]
                },"projects": {
                  Row: {
                    "created_at": string,"id": string,"name": string,"owner_id": string,"root": string,"workspace_id": string
                  }
                  ComputedFields: never
                  Insert: {
                           "created_at"?: string | null,"id"?: string | null,"name"?: string | null,"owner_id"?: string | null,"root"?: string | null,"workspace_id"?: string | null
                         }
                        Update: {
                           "created_at"?: string | null,"id"?: string | null,"name"?: string | null,"owner_id"?: string | null,"root"?: string | null,"workspace_id"?: string | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "projects_workspace_id_fkey"
      columns: ["workspace_id"]
isOneToOne: false
      referencedRelation: "workspaces"
      referencedColumns: ["id"]
    }
                  ]
                },"sessions": {
                  Row: {
                    "agent_count": number | null,"agent_id": string | null,"agent_type": string | null,"branch": string | null,"cache_read_tokens": number | null,"cache_write_tokens": number | null,"cost_usd": number | null,"created_at": string,"cwd": string | null,"device_id": string | null,"ended_at": string | null,"entrypoint": string | null,"id": string,"input_tokens": number | null,"lines_added": number | null,"lines_removed": number | null,"masked_count": number,"message_count": number,"model_call_count": number,"models": (string)[],"native_id": string,"output_tokens": number | null,"owner_id": string,"parent_id": string | null,"path": string | null,"project": string | null,"project_id": string | null,"prompt_count": number,"relation": string | null,"source": string,"started_at": string | null,"title": string | null,"tool_call_count": number,"tool_error_count": number,"tool_version": string | null,"total_cost_usd": number | null,"total_unpriced_call_count": number | null,"unpriced_call_count": number,"updated_at": string,"visibility": "private"|"metrics"|"tools"|"full","workspace_id": string
                  }
                  ComputedFields: never
                  Relationships: [
                    {
      foreignKeyName: "sessions_device_id_fkey"
      columns: ["device_id"]
isOneToOne: false
      referencedRelation: "devices"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "sessions_parent_id_fkey"
      columns: ["parent_id"]
isOneToOne: false
      referencedRelation: "sessions"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "sessions_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "sessions_workspace_id_fkey"
      columns: ["workspace_id"]
isOneToOne: false
      referencedRelation: "workspaces"
      referencedColumns: ["id"]
    }
                  ]
                },"tool_calls": {
                  Row: {
                    "agent_session_id": string | null,"diff": Json | null,"ended_at": string | null,"file_path": string | null,"id": string,"input": Json | null,"is_error": boolean | null,"lines_added": number | null,"lines_removed": number | null,"masked": Json | null,"message_id": string | null,"name": string | null,"native_id": string | null,"position": number | null,"result": string | null,"session_id": string,"started_at": string | null
                  }
                  ComputedFields: never
                  Insert: {
                           "agent_session_id"?: string | null,"diff"?: Json | null,"ended_at"?: string | null,"file_path"?: string | null,"id"?: string | null,"input"?: Json | null,"is_error"?: boolean | null,"lines_added"?: number | null,"lines_removed"?: number | null,"masked"?: Json | null,"message_id"?: string | null,"name"?: string | null,"native_id"?: string | null,"position"?: number | null,"result"?: string | null,"session_id"?: string | null,"started_at"?: string | null
                         }
                        Update: {
                           "agent_session_id"?: string | null,"diff"?: Json | null,"ended_at"?: string | null,"file_path"?: string | null,"id"?: string | null,"input"?: Json | null,"is_error"?: boolean | null,"lines_added"?: number | null,"lines_removed"?: number | null,"masked"?: Json | null,"message_id"?: string | null,"name"?: string | null,"native_id"?: string | null,"position"?: number | null,"result"?: string | null,"session_id"?: string | null,"started_at"?: string | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "tool_calls_session_id_fkey"
      columns: ["session_id"]
isOneToOne: false
      referencedRelation: "sessions"
      referencedColumns: ["id"]
    }
                  ]
                },"usage_slots": {
                  Row: {
                    "cache_read_tokens": number | null,"cache_write_1h_tokens": number | null,"cache_write_5m_tokens": number | null,"calls": number,"cost_usd": number | null,"first_at": string | null,"input_tokens": number | null,"last_at": string | null,"lower_bound_calls": number,"model": string,"output_tokens": number | null,"owner_id": string,"reasoning_tokens": number | null,"reported_cost_usd": number | null,"session_id": string,"slot": string,"source": string,"unpriced_calls": number,"web_searches": number | null,"workspace_id": string
                  }
                  ComputedFields: never
                  Insert: {
                           "cache_read_tokens"?: number | null,"cache_write_1h_tokens"?: number | null,"cache_write_5m_tokens"?: number | null,"calls"?: number | null,"cost_usd"?: number | null,"first_at"?: string | null,"input_tokens"?: number | null,"last_at"?: string | null,"lower_bound_calls"?: number | null,"model"?: string | null,"output_tokens"?: number | null,"owner_id"?: string | null,"reasoning_tokens"?: number | null,"reported_cost_usd"?: number | null,"session_id"?: string | null,"slot"?: string | null,"source"?: string | null,"unpriced_calls"?: number | null,"web_searches"?: number | null,"workspace_id"?: string | null
                         }
                        Update: {
                           "cache_read_tokens"?: number | null,"cache_write_1h_tokens"?: number | null,"cache_write_5m_tokens"?: number | null,"calls"?: number | null,"cost_usd"?: number | null,"first_at"?: string | null,"input_tokens"?: number | null,"last_at"?: string | null,"lower_bound_calls"?: number | null,"model"?: string | null,"output_tokens"?: number | null,"owner_id"?: string | null,"reasoning_tokens"?: number | null,"reported_cost_usd"?: number | null,"session_id"?: string | null,"slot"?: string | null,"source"?: string | null,"unpriced_calls"?: number | null,"web_searches"?: number | null,"workspace_id"?: string | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "usage_slots_session_id_fkey"
      columns: ["session_id"]
isOneToOne: false
      referencedRelation: "sessions"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "usage_slots_workspace_id_fkey"
      columns: ["workspace_id"]
isOneToOne: false
      referencedRelation: "workspaces"
      referencedColumns: ["id"]
    }
                  ]
                },"workspace_members": {
                  Row: {
                    "created_at": string,"role": "viewer"|"member"|"admin"|"owner","user_id": string,"workspace_id": string
                  }
                  ComputedFields: never
                  Insert: {
                           "created_at"?: string | null,"role"?: "viewer"|"member"|"admin"|"owner" | null,"user_id"?: string | null,"workspace_id"?: string | null
                         }
                        Update: {
                           "created_at"?: string | null,"role"?: "viewer"|"member"|"admin"|"owner" | null,"user_id"?: string | null,"workspace_id"?: string | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "workspace_members_workspace_id_fkey"
      columns: ["workspace_id"]
isOneToOne: false
      referencedRelation: "workspaces"
      referencedColumns: ["id"]
    }
                  ]
                },"workspaces": {
                  Row: {
                    "created_at": string,"id": string,"kind": string,"my_role": "viewer"|"member"|"admin"|"owner" | null,"name": string
                  }
                  ComputedFields: never
                  Insert: {
                           "created_at"?: string | null,"id"?: string | null,"kind"?: string | null,"my_role"?: never,"name"?: string | null
                         }
                        Update: {
                           "created_at"?: string | null,"id"?: string | null,"kind"?: string | null,"my_role"?: never,"name"?: string | null
                         }
                        Relationships: [
                    
                  ]
                }
          }
          Functions: {
            "find_sessions":
{ Args: { "reference": string }; Returns: {
              "agent_count": number | null,
"agent_id": string | null,
"agent_type": string | null,
"branch": string | null,
"cache_read_tokens": number | null,
"cache_write_tokens": number | null,
"cost_usd": number | null,
"created_at": string,
"cwd": string | null,
"device_id": string | null,
"ended_at": string | null,
"entrypoint": string | null,
"id": string,
"input_tokens": number | null,
"lines_added": number | null,
"lines_removed": number | null,
"masked_count": number,
"message_count": number,
"model_call_count": number,
"models": (string)[],
"native_id": string,
"output_tokens": number | null,
"owner_id": string,
"parent_id": string | null,
"path": string | null,
"project": string | null,
"project_id": string | null,
"prompt_count": number,
"relation": string | null,
"source": string,
"started_at": string | null,
"title": string | null,
"tool_call_count": number,
"tool_error_count": number,
"tool_version": string | null,
"total_cost_usd": number | null,
"total_unpriced_call_count": number | null,
"unpriced_call_count": number,
"updated_at": string,
"visibility": "private"|"metrics"|"tools"|"full",
"workspace_id": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "sessions"
        isOneToOne: false
        isSetofReturn: true
      } },
"get_replay":
{ Args: { "after_position"?: number,"page_size"?: number,"session": string }; Returns: Json
                           },
"get_unknown_records":
{ Args: Record<PropertyKey, never>; Returns: {
              "records": number,"source": string,"tool_version": string,"type": string
            }[]
                           },
"get_usage":
{ Args: { "dimensions": (string)[],"project"?: string,"since"?: string,"source"?: string,"timezone"?: string,"until"?: string,"workspace"?: string }; Returns: Json
                           },
"ingest":
{ Args: { "batch": Json }; Returns: Json
                           },
"set_prices":
{ Args: { "prices": Json }; Returns: number
                           }
          }
          Enums: {
            [_ in never]: never
          }
          CompositeTypes: {
            [_ in never]: never
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "api">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "api": {
          Enums: {
            
          }
        }
} as const
